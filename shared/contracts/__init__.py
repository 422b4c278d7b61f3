"""What services say to each other: one catalogue a publisher. All of them are known to every service, also those it does not listen for:
a fact that nobody here cares for passes, only what stands in no catalogue waits for newer code."""

from shared.contracts import accounts, contacts, managers, messages, notifications, offers

__all__ = ["accounts", "contacts", "managers", "messages", "notifications", "offers"]
