"""Frames become a timelapse: analysis, deflicker, stabilisation, denoise, encoding; pure Python."""
