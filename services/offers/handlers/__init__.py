"""Use cases of offers: what people ask for, and what the other side and the services of our own side tell."""
