"""Publish an output on the Hugging Face Hub: `push.push` for the dataset, `space.publish_space` for the browsing app.

A push compares the output with the branch, uploads the missing files, makes one commit and sets the tag.
"""
