"""The results as pictures: gnuplot scripts that hold their data, and what gnuplot makes of them, as SVG and PNG."""

import shutil
import subprocess

import summary

HEAD = """# gnuplot {name}.gp
set encoding utf8
set grid ytics mytics lc rgb "#cccccc", lc rgb "#eeeeee"
set border 3
set tics nomirror
set key outside right top Left reverse
set linetype 1 lc rgb "#1f77b4"
set linetype 2 lc rgb "#ff7f0e"
set linetype 3 lc rgb "#2ca02c"
set linetype 4 lc rgb "#9467bd"
"""

TERMINALS = {
    "svg": "svg size 900,520 font 'sans,13' background 'white'",
    "png": "pngcairo size 1200,700 font 'sans,12'",
}


MARKS = [6, 4, 8, 10, 12, 1, 2]  # gnuplot's numbers of open circles, squares, triangles …


def quoted(text):
    return '"' + str(text).replace("_", " ").replace('"', "") + '"'


def block(name, rows):
    """Data inside the script."""
    lines = (" ".join(str(cell) for cell in row) for row in rows)
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def cpu(points):
    """CPU a message by program."""
    mains = [p for p in points if p["body_bytes"] == 170 and p["concurrency"] == 32 and not p["tls"]]
    latencies = sorted({p["latency_ms"] for p in mains})
    by_name = {}
    for point in mains:
        name = point["program"] + (" + ledger" if point["ledger"] else "")
        by_name.setdefault(name, {})[point["latency_ms"]] = point["cpu_us"]
    if len(by_name) < 2:
        return None
    rows = sorted(by_name.items(), key=lambda item: min(item[1].values()))
    data = [[f"{costs[ms]:.2f}" if ms in costs else "NaN" for ms in latencies] for _, costs in rows]
    names = ", ".join(f"{quoted(name)} {at}" for at, (name, _) in enumerate(rows))
    width = 0.8 / len(latencies)
    plots = []
    for at, latency in enumerate(latencies):
        middle = f"($0{(at - (len(latencies) - 1) / 2) * width:+.3f})"
        plots.append(f"$data using {middle}:{at + 1}:({width * 0.95}) with boxes title '{latency} ms latency'")
        plots.append(f"$data using {middle}:{at + 1}:(sprintf('%.1f', ${at + 1})) with labels offset 0,0.6 notitle")
    return block("data", data) + (
        "set title 'CPU of one message: the process alone, 170-byte logins, 32 receivers'\n"
        "set ylabel 'µs a message (log)'\nset logscale y\nset yrange [1:*]\nset style fill solid 0.8\n"
        f"set xrange [-0.6:{len(rows) - 0.4}]\nset xtics ({names}) rotate by -25\nplot " + ", \\\n     ".join(plots) + "\n"
    )


def throughput(points):
    """Messages a second by receivers, with what set the limit."""
    own = [p for p in points if p["program"] == "loginetl" and p["body_bytes"] == 170 and not p["tls"]]
    lines, marks = {}, {}
    for point in sorted(own, key=lambda p: (p["latency_ms"], not p["ledger"], p["concurrency"])):
        name = f"{point['latency_ms']} ms, {'with' if point['ledger'] else 'without'} ledger"
        at = [point["concurrency"], f"{point['rate']:.0f}"]
        lines.setdefault(name, []).append(at)
        marks.setdefault(point["limit"], []).append(at)
    if all(len(line) < 2 for line in lines.values()):
        return None
    data, plots = "", []
    for at, (name, rows) in enumerate(lines.items()):
        data += block(f"line{at}", rows)
        plots.append(f"$line{at} using 1:2 with linespoints lw 2 pt 7 ps 0.4 title '{name}'")
    for at, (name, rows) in enumerate(marks.items()):
        data += block(f"mark{at}", rows)
        style = f"pt {MARKS[at % len(MARKS)]} ps 1.6 lw 2 lc rgb 'black'"
        plots.append(f"$mark{at} using 1:2 with points {style} title 'limit: {name}'")
    return data + (
        "set title 'Messages a second, 170-byte logins, and what set the limit'\nset xlabel 'receivers'\n"
        "set ylabel 'messages a second (log)'\nset logscale x 2\nset logscale y\nset xrange [0.8:160]\n"
        "set format y '%.0f'\nset xtics (1, 8, 32, 128)\nplot " + ", \\\n     ".join(plots) + "\n"
    )


def drain(runs):
    """A large backlog from its start to its end."""
    curves = [run for run in runs if run["scenario"]["kind"] == "curve" and "error" not in run]
    curve = summary.backlog(curves)[0] or (curves[-1] if curves else None)  # few samples are still a line
    rows = summary.windows(curve) if curve else []
    if len(rows) < 3:
        return None
    return block("data", [[f"{cell:.3f}" for cell in row] for row in rows]) + (
        f"set title 'A backlog of {curve['messages']:,} messages, with the ledger'\n"
        "set xlabel 'million messages drained'\nset ylabel 'messages a second'\nset yrange [0:*]\n"
        "set y2label 'MiB, µs'\nset y2range [0:*]\nset y2tics\nset border 11\nset key below\nset format y '%.0f'\n"
        "plot $data using 1:2 with lines lw 2 title 'messages a second', \\\n"
        "     $data using 1:5 axes x1y2 with lines lw 2 title 'resident MiB', \\\n"
        "     $data using 1:3 axes x1y2 with lines lw 2 title 'CPU µs a message', \\\n"
        "     $data using 1:4 axes x1y2 with lines lw 2 title 'PostgreSQL CPU µs a message'\n"
    )


def tidy(path):
    """gnuplot ends lines of its SVG with spaces."""
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n", encoding="utf-8")


def draw(results, folder, stem):
    """Writes STEM-NAME.gp, .svg and .png; the names of those that there was data for."""
    points = summary.drains(results["runs"], results["machine"]["processor"]["cores"])
    made = {"cpu": cpu(points), "throughput": throughput(points), "drain": drain(results["runs"])}
    made = {name: script for name, script in made.items() if script}
    for name, script in made.items():
        base = f"{stem}-{name}"
        setup, plot = script.split("\nplot ", 1)
        text = HEAD.format(name=base) + setup + "\n"
        for kind, terminal in TERMINALS.items():
            text += f"set terminal {terminal}\nset output '{base}.{kind}'\n"
            text += f"plot {plot}" if kind == "svg" else "replot\n"
        (folder / f"{base}.gp").write_text(text, encoding="utf-8")
        if shutil.which("gnuplot"):
            subprocess.run(["gnuplot", f"{base}.gp"], check=True, cwd=folder)
            tidy(folder / f"{base}.svg")
    return list(made) if shutil.which("gnuplot") else []
