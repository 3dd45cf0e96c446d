"""One model of a plan or a run, many renderings that never sort, count or redact."""
