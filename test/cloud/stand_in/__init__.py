"""The AWS of the tests: see ../README.md."""
