-- Answers the connector's own clock (ms).
return now()
