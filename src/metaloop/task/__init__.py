"""What is searched: the task as it is declared, its space, patches to it, and where it is run."""
