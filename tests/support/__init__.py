"""What tests share: media, models, cameras and live parts, made here."""
