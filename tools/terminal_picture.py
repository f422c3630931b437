#!/usr/bin/env python3
"""Draws what a terminal showed as an SVG, for the documentation: make demo | tools/terminal_picture.py TITLE > picture.svg"""
import html
import sys

CHARACTER_WIDTH, LINE_HEIGHT, MARGIN, BAR = 7.83, 18, 16, 30


def colour(line):
    if "WRONG" in line or "LOST" in line or "DIFFERS" in line:
        return "#ff8a80"
    if line.lstrip().startswith(("asked", "cached")):
        return "#82cfff"
    if "similarity" in line or "agrees" in line or "are there" in line:
        return "#a5e8a0"
    return "#e0e0e0"


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else ""
    lines = [line.rstrip("\n") for line in sys.stdin]
    width = max([len(line) for line in lines] + [60]) * CHARACTER_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN + BAR
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-size="13"'
        ' font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace">',
        f'<rect width="100%" height="100%" rx="8" fill="#1d2126"/><rect width="100%" height="{BAR}" rx="8" fill="#2b3138"/>',
        '<g><circle cx="20" cy="15" r="5" fill="#ff605c"/><circle cx="38" cy="15" r="5" fill="#ffbd44"/>'
        '<circle cx="56" cy="15" r="5" fill="#00ca4e"/></g>',
        f'<text x="{width / 2:.0f}" y="20" fill="#aab2bb" text-anchor="middle">{html.escape(title)}</text>',
    ]
    for number, line in enumerate(lines):
        y = BAR + MARGIN + (number + 0.8) * LINE_HEIGHT
        out.append(f'<text x="{MARGIN}" y="{y:.0f}" fill="{colour(line)}" xml:space="preserve">{html.escape(line)}</text>')
    print("\n".join(out) + "\n</svg>")


if __name__ == "__main__":
    main()
