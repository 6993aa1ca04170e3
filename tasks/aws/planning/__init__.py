"""Plan mode: reads go to AWS, writes are noted and not sent.

Open `planning_aws.py` first: it takes the place of `tasks/aws/calls.py`. What a noted write changes for the reads
after it is in `planned_writes.py` and `planned_reads.py`.
"""
