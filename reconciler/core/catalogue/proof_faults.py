"""What is wrong with files of proofs, and with what the project file says of them."""

from reconciler.core.catalogue.explanation import Explanation, Shows


def _project(more: str) -> str:
    return (
        "version: 1\nname: acme-revenue\nenvironments:\n"
        "  sandbox:\n    api: {emulator: sandbox.db}\n    specs: sandbox\n    state: {file: sandbox.json}\n"
        "  production:\n    api: {emulator: production.db}\n    specs: production\n"
        f"    state: {{file: production.json}}\n    promotes_from: {{environment: sandbox, {more}}}\n"
    )


_GOOD = _project("proofs: proofs, allowed_signers: .allowed_signers, max_age: 14d")

PROOF_FAULTS = (
    Explanation(
        code="emulator-proof",
        title="a proof is of a run that an emulator has answered",
        text="An emulator says yes to whatever it was taught to. Its proofs count only where promotes_from says "
        "accept_emulator: true, as for a rehearsal of the whole way.",
        bad='A proof that says "platform": "emulator", and promotes_from without accept_emulator.\n',
        good="The file of an apply in the tenant of the earlier environment.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="foreign-proof",
        title="a proof is of another project, environment, tenant or entity",
        text="A proof counts for the environment that promotes_from names, in the tenant and entity that the project "
        "file says for it. The message names what the file says and what was expected.",
        bad='promotes_from: {environment: sandbox, ...}, and a proof that says "environment": "test".\n',
        good="The file that `apply -e sandbox --proof` of the same project has written.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="lone-signature",
        title="a signature stands without the proof that it is of",
        text="What was shown can speak for a call or against it, so a proof that was taken away is no small thing. "
        "Bring it, or take its signature out as well.",
        bad="proofs/run-2.json.sig, and no proofs/run-2.json.\n",
        good="Both files, or neither.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="misnamed-proof",
        title="a proof does not end in .json",
        text="Every *.json below the folder is a proof, and what else a pipeline brings is none. A proof under another "
        "name would be skipped, also one that speaks against a call.",
        bad="proofs/run-2.json.bak, which is what a run has written.\n",
        good="proofs/run-2.json\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="no-max-age",
        title="proofs are taken from files, and nothing says how old they may be",
        text="A state tells of the last call, whenever it was. Files tell only of the runs that have written them: of "
        "one that came later and whose file is not there, nothing is known. So a proof by file must grow too old.",
        bad=_project("proofs: proofs"),
        good=_project("proofs: proofs, max_age: 14d"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="no-proofs",
        title="there is no file of proofs",
        text="promotes_from takes proofs from files, and none is where it says. A pipeline that has lost them must not "
        "look like one in which nothing is to be proven.",
        bad="proofs: proofs, and a folder proofs without any *.json.\n",
        good="The files that `apply --proof` has written in the earlier environment, in that folder.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="proofs-outside",
        title="proofs is no path below the project folder",
        text="Pipelines put what they bring below the checkout. The path is relative to the project file, without .. "
        "and without / in front, and is not the folder of the project file itself.",
        bad=_project("proofs: ../proofs, max_age: 14d"),
        good=_project("proofs: proofs, max_age: 14d"),
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="signers-outside",
        title="the allowed signers are where nobody reviews them",
        text="Whose signatures count is decided in a review. So the file stands below the project folder, is not "
        "reached by a link out of it, and stands neither among the proofs nor beside the one file of them: who "
        "brings them must not say whom to trust.",
        bad=_project("proofs: proofs, allowed_signers: proofs/signers, max_age: 14d"),
        good=_GOOD,
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="signers-without-proofs",
        title="there are allowed signers, and nothing that is signed",
        text="Signatures are of the files that proofs names. A state has none, so allowed_signers alone would promise "
        "a check that nobody makes.",
        bad=_project("allowed_signers: .allowed_signers, max_age: 14d"),
        good=_GOOD,
        shows=Shows.PROJECT,
    ),
    Explanation(
        code="two-lineages",
        title="two proofs are of two states of the earlier environment",
        text="Calls of an address are numbered in one state, and the highest number is the last call. A state that was "
        "begun anew numbers from 0 again, so nobody can tell which of two files came last.",
        bad="Proofs of before and after the state of sandbox was deleted, in one folder.\n",
        good="Those of the state that is used now.\n",
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="unsigned-proofs",
        title="proofs are taken from files that anybody may have written",
        text="The seal of a file tells that it is whole, and not who wrote it. With allowed_signers in promotes_from "
        "each file needs the signature of one of them, which `apply --proof` makes where signing_key is configured.",
        bad=_project("proofs: proofs, max_age: 14d"),
        good=_GOOD,
        shows=Shows.SITUATION,
    ),
    Explanation(
        code="untrusted-proof",
        title="a proof is not signed by anybody who is allowed to",
        text="The signature beside the file is missing, is of something else, or is by a key that the allowed signers "
        "do not name. One byte of difference is enough, a converted line end too.",
        bad="A proof in which one digest was edited, beside the signature of before.\n",
        good="Both files as the run has written them, and its public key among the allowed signers.\n",
        shows=Shows.SITUATION,
    ),
)
