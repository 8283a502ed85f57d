"""What segments become: a video file, an animated GIF or a folder of pictures, checked, then named."""
