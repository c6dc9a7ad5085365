"""The edge agent in the shop: counter service, spooler, registry replica, local API, supervisor."""
