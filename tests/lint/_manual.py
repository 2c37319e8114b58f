"""What the tests of manual pages share."""

import shutil
import subprocess


def complaints(page):
    """What mandoc, or else man, has against a page's syntax; empty when all is well or neither is installed."""
    if shutil.which("mandoc"):
        words = ["mandoc", "-Tlint", "-Wwarning", page]
    elif shutil.which("man"):
        words = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page]
    else:
        print("neither mandoc nor man is installed: the page's syntax is not looked at")
        return []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    said = done.stderr if words[0] == "man" else done.stdout + done.stderr
    return [f"{words[0]} complains of the page:\n{said}"] if done.returncode != 0 or said.strip() else []
