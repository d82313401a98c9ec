"""What must hold of every deployment, whatever its variables: rules, each of which looks at the evaluated document.

A rule gives pairs of an address and a text that says what is wrong and what to do.
"""

from . import alarms, buckets, functions, machines, policies, queues, texts

RULES = [rule for part in (buckets, queues, functions, machines, alarms, policies, texts) for rule in part.RULES]
