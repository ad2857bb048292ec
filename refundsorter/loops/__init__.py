"""The loops: intake, sorter and sweeper; they import the core only and reach the edges through its ports."""
