"""The shapes everybody shares: what is wanted, what AWS gave us, how a step answers.

tenant       one isolated unit on a platform; on AWS one account
desired      what we were told
handles      ids that AWS gave us and intents we wrote down before a call; kept per tenant
step         one idempotent part of a replication; answers Done or Wait, or raises
replication  one run of the chain for one tenant
dispatch     the number of the newest chain message of a replication; older messages do nothing
lease        the time for which one worker alone runs a replication
"""
