"""The search room: a query is understood, hits are retrieved, ranked and explained."""
