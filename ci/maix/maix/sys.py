def device_id():
    return "maixcam"
