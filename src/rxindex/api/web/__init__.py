"""The web pages: a search page for prescribers, and one for operators."""

from rxindex.api.web.pages import CONTENT_SECURITY_POLICY, web_router

__all__ = ["CONTENT_SECURITY_POLICY", "web_router"]
