"""The office pages: how the fleet, the books and the desk stand, live."""
