module example.org/clock/v2

go 1.22
