"""What a picture is measured by: the encoder, pure mathematics, and the objective."""
