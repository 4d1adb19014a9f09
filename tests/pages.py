"""Pages of HTML that load nothing and obey no foreign text."""

import re
from html.parser import HTMLParser


class Tags(HTMLParser):
    """What a page has of elements, of attributes, and of addresses to load."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.links = set(), set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action")}


def check_page(page):
    """The page, if nothing in it runs or is loaded from elsewhere."""
    seen = Tags(page)
    assert not seen.tags & {"script", "link", "iframe", "object", "img", "foreignobject"}
    assert not {a for a in seen.attributes if a.startswith("on")}
    assert all(link.startswith("#") for link in seen.links)
    assert not re.search(r"url\((?!#)", page)
    assert "\x1b" not in page
    assert "\u202e" not in page
    return page
