"""How each question is answered: the statement that it needs, and what is made of its rows.

Every function here is pure: it turns what is asked into a plan, and the plan's `build` turns
the rows into the answer. What is wrong about a question is raised before any statement runs.
"""
