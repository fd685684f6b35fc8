A connection that is idle takes less than two thirds of the memory: headers are kept once, and nothing is allocated before it is used.
