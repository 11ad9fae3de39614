# gnuplot 2026-11-22-throughput.gp
set encoding utf8
set grid ytics mytics lc rgb "#cccccc", lc rgb "#eeeeee"
set border 3
set tics nomirror
set key outside right top Left reverse
set linetype 1 lc rgb "#1f77b4"
set linetype 2 lc rgb "#ff7f0e"
set linetype 3 lc rgb "#2ca02c"
set linetype 4 lc rgb "#9467bd"
$line0 << EOD
1 92441
8 126948
32 122176
128 86849
EOD
$line1 << EOD
1 92577
8 135147
32 175948
128 137766
EOD
$line2 << EOD
1 479
8 3788
32 14971
128 56108
EOD
$line3 << EOD
1 483
8 3771
32 15033
128 57916
EOD
$mark0 << EOD
1 92441
32 122176
128 86849
1 92577
8 135147
32 175948
128 137766
EOD
$mark1 << EOD
8 126948
EOD
$mark2 << EOD
1 479
8 3788
32 14971
128 56108
1 483
8 3771
32 15033
128 57916
EOD
set title 'Messages a second, 170-byte logins, and what set the limit'
set xlabel 'receivers'
set ylabel 'messages a second (log)'
set logscale x 2
set logscale y
set xrange [0.8:160]
set format y '%.0f'
set xtics (1, 8, 32, 128)
set terminal svg size 900,520 font 'sans,13' background 'white'
set output '2026-11-22-throughput.svg'
plot $line0 using 1:2 with linespoints lw 2 pt 7 ps 0.4 title '0 ms, with ledger', \
     $line1 using 1:2 with linespoints lw 2 pt 7 ps 0.4 title '0 ms, without ledger', \
     $line2 using 1:2 with linespoints lw 2 pt 7 ps 0.4 title '20 ms, with ledger', \
     $line3 using 1:2 with linespoints lw 2 pt 7 ps 0.4 title '20 ms, without ledger', \
     $mark0 using 1:2 with points pt 6 ps 1.6 lw 2 lc rgb 'black' title 'limit: round trips', \
     $mark1 using 1:2 with points pt 4 ps 1.6 lw 2 lc rgb 'black' title 'limit: processors (PostgreSQL)', \
     $mark2 using 1:2 with points pt 8 ps 1.6 lw 2 lc rgb 'black' title 'limit: latency'
set terminal pngcairo size 1200,700 font 'sans,12'
set output '2026-11-22-throughput.png'
replot
