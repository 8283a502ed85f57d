"""Networks that others trained, by the layout they are known under: what each is, how it is read."""
