"""The report of a study: what its cells say and do not say, as a page, Markdown, CSV, figures."""
