"""
What `oversight load` is made of: calls that arrive when they would, whatever the server does with the ones before.

* `arrivals`     when each call is due
* `mix`, `messages`  what it asks, with an id and numbers that nothing has seen before
* `transport`    how it reaches the server
* `open_loop`, `closed_loop`  sending on time; and as fast as replies come
* `histogram`, `measurement`  what is kept of it
* `shares`       one process's part of a run, and the processes
* `summary`, `tables`, `page`  what is told of it, to machines and to people
"""
