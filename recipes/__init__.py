"""One module a task: the whole story from input to result, to import or to copy and change."""
