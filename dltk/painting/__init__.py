"""Pictures as variables: optimising pixels against a fixed network."""
