"""What a client asked for."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs


class Request:
    """The request that a client came with."""

    __slots__ = ("_about",)

    def __init__(self, about):
        self._about = about

    def __getattr__(self, name):
        """``method``, ``uri``, ``path``, ``query``, ``version``, ``scheme``, ``host``, ``remote_addr``, ``remote_port``,
        ``client_ip``, ``server_addr``, ``server_port``, ``subprotocols``: as the server knows them, or None."""
        try:
            return self._about[name]
        except KeyError:
            raise AttributeError(f"a request has no {name}") from None

    @property
    def headers(self):
        """All of them, as pairs of a name in lower case and a value."""
        return [tuple(header) for header in self._about["headers"]]

    def header(self, name, default=None):
        """A header's value; those of several with one name are joined."""
        name = name.lower()
        values = [value for known, value in self._about["headers"] if known == name]
        return ("; " if name == "cookie" else ", ").join(values) if values else default

    def param(self, name, default=None):
        """What stood for ``{name}`` in the path."""
        return self._about["param"].get(name, default)

    def query_value(self, name, default=None):
        """The first value that the query has by that name."""
        return parse_qs(self._about["query"] or "", keep_blank_values=True).get(name, [default])[0]

    def cookie(self, name, default=None):
        try:
            morsel = SimpleCookie(self.header("cookie", "")).get(name)
        except CookieError:
            return default
        return morsel.value if morsel else default

    def __repr__(self):
        return f"<Request {self._about['method']} {self._about['uri']}>"
