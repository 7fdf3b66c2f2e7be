-- What is on the list of one generation, and in which partition its state is.

SELECT topic, key, partition, reason FROM {schema}.quarantine WHERE NOT deleted
