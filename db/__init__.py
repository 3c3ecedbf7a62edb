"""Everything Doctown stores: tables, statements, sessions; one file per verb."""
