"""The page that people see in a browser, and the server behind it. Knows no camera and no network."""
