"""
What outcomes teach, as one page for people who look rather than read.

* `findings`  what a page is made from: what the service answered, and what was asked
* `page`      the page
* `rates`, `warnings`, `certificate`, `quality`  its sections
"""
