# gnuplot 2026-11-22-cpu.gp
set encoding utf8
set grid ytics mytics lc rgb "#cccccc", lc rgb "#eeeeee"
set border 3
set tics nomirror
set key outside right top Left reverse
set linetype 1 lc rgb "#1f77b4"
set linetype 2 lc rgb "#ff7f0e"
set linetype 3 lc rgb "#2ca02c"
set linetype 4 lc rgb "#9467bd"
$data << EOD
2.30 3.68
4.16 7.42
4.28 7.39
8.06 10.98
42.20 57.10
94.92 102.02
220.54 530.33
305.07 358.78
351.00 370.83
EOD
set title 'CPU of one message: the process alone, 170-byte logins, 32 receivers'
set ylabel 'µs a message (log)'
set logscale y
set yrange [1:*]
set style fill solid 0.8
set xrange [-0.6:8.6]
set xtics ("floor sockets" 0, "loginetl + ledger" 1, "loginetl" 2, "floor curl" 3, "go" 4, "bento" 5, "python-single" 6, "node" 7, "python-threads" 8) rotate by -25
set terminal svg size 900,520 font 'sans,13' background 'white'
set output '2026-11-22-cpu.svg'
plot $data using ($0-0.200):1:(0.38) with boxes title '0 ms latency', \
     $data using ($0-0.200):1:(sprintf('%.1f', $1)) with labels offset 0,0.6 notitle, \
     $data using ($0+0.200):2:(0.38) with boxes title '20 ms latency', \
     $data using ($0+0.200):2:(sprintf('%.1f', $2)) with labels offset 0,0.6 notitle
set terminal pngcairo size 1200,700 font 'sans,12'
set output '2026-11-22-cpu.png'
replot
