"""A model's own process: loads one package in the environment its model needs and answers HTTP.

Standard library only, in the syntax of Python 3.8; imports nothing of the console, which imports nothing of it.
How it is started and what it promises is said in `server.py`.
"""
