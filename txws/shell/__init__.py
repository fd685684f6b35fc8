"""
The command line, C{python -m txws}: talk to a server by hand, check it, load it.

Each module is one noun; a module imports those before it: C{display},
C{diagnosis}, C{trust}, C{options}, C{keys}, C{editor}, C{history}, C{streams},
C{screen}, C{talk}, C{pipe}, C{lookup}, C{probe}, C{report}, C{trials}, C{check},
C{latencies}, C{load}, C{bench}, C{command}.  Nobody outside imports them but
C{__main__}.
"""
