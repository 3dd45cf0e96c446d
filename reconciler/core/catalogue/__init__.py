"""Every diagnostic code there is, explained. A test holds this against the source: no code more, none less."""

from collections.abc import Mapping

from reconciler.core.catalogue.document_faults import DOCUMENT_FAULTS
from reconciler.core.catalogue.explanation import Explanation
from reconciler.core.catalogue.guardrail_faults import GUARDRAIL_FAULTS
from reconciler.core.catalogue.project_faults import PROJECT_FAULTS
from reconciler.core.catalogue.promotion_faults import PROMOTION_FAULTS
from reconciler.core.catalogue.proof_faults import PROOF_FAULTS
from reconciler.core.catalogue.situations import SITUATIONS
from reconciler.core.catalogue.source_faults import SOURCE_FAULTS
from reconciler.core.catalogue.spec_faults import SPEC_FAULTS
from reconciler.core.catalogue.yaml_faults import YAML_FAULTS

CATALOGUE: Mapping[str, Explanation] = {
    each.code: each
    for each in sorted(
        (
            *YAML_FAULTS,
            *SPEC_FAULTS,
            *SOURCE_FAULTS,
            *PROJECT_FAULTS,
            *GUARDRAIL_FAULTS,
            *PROMOTION_FAULTS,
            *PROOF_FAULTS,
            *DOCUMENT_FAULTS,
            *SITUATIONS,
        ),
        key=lambda each: each.code,
    )
}
"""By code, in the order of codes."""
