"""Which keys feed which targets and reloads, as a tree of text and as a Mermaid flowchart. Pure."""
