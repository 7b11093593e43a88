"""Networks: the table of contents (`catalog`), finding one by name or path (`find`), building."""
