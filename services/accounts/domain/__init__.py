"""The rules of businesses, people, sessions, environments and settings. Pure: standard library only, no clock, no ids of their own."""
