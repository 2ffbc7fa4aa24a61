"""
Pages for people: one file of HTML, with its charts and its style inside, that loads nothing from elsewhere.

* `document`  the page, its tables and numbers
* `charts`    line charts
* `bars`      intervals beside a reference
"""
