"""Use cases of contacts: the directory, who is lent to whom, and the proposals to change that."""
