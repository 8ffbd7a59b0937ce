package inputs

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/smatrix-grid/smatrix/twins"
)

// trondheim reads the shipped sessions, moved to a year from Monday 1 January
// 2018.
func trondheim(t testing.TB) *Sessions {
	t.Helper()
	start := time.Date(2018, 1, 1, 0, 0, 0, 0, zoneForCalendar(t, "Europe/Berlin"))
	s, err := ReadSessions(shippedFiles(), SessionsSpec{ID: "trondheim", File: "vehicles/trondheim.csv.gz", Unit: "kWh", WeeksFrom: "2018-01-01"},
		NewCalendar(start, 900, 52*7*96))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// regulars returns the users with at least eight whole weeks.
func regulars(s *Sessions) (users []string) {
	for _, user := range s.Users {
		if _, weeks := wholeWeeks(s.of[user]); weeks >= 8 {
			users = append(users, user)
		}
	}
	return users
}

// The recorded sessions of private users, compared with figures that were
// computed from the same data by other means: 0.57 sessions and 6.5 kWh for
// each vehicle and day, 11.2 kWh for each session. These are all 56 users, with
// days counted from the first arrival to the last departure; whole weeks
// repeated over a year give 0.60 and 6.6.
func TestTrondheim(t *testing.T) {
	s := trondheim(t)
	var n, days int
	var energy twins.Energy
	for _, user := range s.Users {
		all := s.of[user]
		n += len(all)
		days += int(all[len(all)-1].leave.wall/SecondsPerDay - all[0].arrive.wall/SecondsPerDay + 1)
		for _, one := range all {
			energy += one.energy
			if p, _ := one.energy.Over(twins.Seconds(one.leave.wall - one.arrive.wall)); p > 11*twins.Kilowatt {
				t.Errorf("%s: line %d: mean power %v W, wanted at most 11 kW", user, one.line, p.Watts())
			}
		}
	}
	kWh := energy.WattHours() / 1000
	if n != 5428 || len(s.Users) != 56 || len(regulars(s)) != 47 {
		t.Errorf("%d sessions of %d users, %d with eight weeks, wanted 5428, 56 and 47", n, len(s.Users), len(regulars(s)))
	}
	few, err := ReadSessions(shippedFiles(), SessionsSpec{ID: "trondheim", File: "vehicles/trondheim.csv.gz", Unit: "kWh", WeeksFrom: "2018-01-01", MinWeeks: 8}, s.cal)
	if err != nil || !slices.Equal(few.Users, regulars(s)) {
		t.Errorf("%d users left, %v, want the %d with eight weeks", len(few.Users), err, len(regulars(s)))
	}
	near(t, "sessions for each vehicle and day", float64(n)/float64(days), 0.57, 0.005)
	near(t, "kWh for each vehicle and day", kWh/float64(days), 6.5, 0.1)
	near(t, "kWh for each session", kWh/float64(n), 11.2, 0.05)
}

// Weekday nights: plugged in from 14 h on Monday to Friday, away before noon of
// the next day, all 56 users. Of several definitions, this is the one with
// 1,848 nights, the number for which the figures were published. Median 10.9,
// mean 13.7, 95 % 38 kWh; the energy of 3.1 % cannot be charged at 3.6 kW, and
// all can at 7.2 kW.
func TestTrondheimNights(t *testing.T) {
	s := trondheim(t)
	var kWh []float64
	var unmet3, unmet7 int
	for _, user := range s.Users {
		for _, one := range s.of[user] {
			day, next := quoFloor(one.arrive.wall, SecondsPerDay), quoFloor(one.leave.wall, SecondsPerDay)
			weekday := (day + 3) % 7 // 0 is Monday
			if weekday > 4 || next != day+1 || one.arrive.wall%SecondsPerDay < 14*3600 || one.leave.wall%SecondsPerDay >= 12*3600 {
				continue
			}
			kWh = append(kWh, one.energy.WattHours()/1000)
			long := twins.Seconds(one.leave.wall - one.arrive.wall)
			unmet3 += flagOf(one.energy > (3600 * twins.Watt).For(long))
			unmet7 += flagOf(one.energy > (7200 * twins.Watt).For(long))
		}
	}
	slices.Sort(kWh)
	mean := 0.0
	for _, e := range kWh {
		mean += e / float64(len(kWh))
	}
	if len(kWh) != 1848 || unmet7 != 0 {
		t.Errorf("%d nights, the energy of %d cannot be charged at 7.2 kW, wanted 1848 and 0", len(kWh), unmet7)
	}
	near(t, "median, kWh", kWh[len(kWh)/2], 10.9, 0.05)
	near(t, "mean, kWh", mean, 13.7, 0.05)
	near(t, "95 %, kWh", kWh[len(kWh)*95/100], 38, 0.5)
	near(t, "share that 3.6 kW cannot meet", float64(unmet3)/float64(len(kWh)), 0.031, 0.0005)
}

func flagOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: %.4f, want %v", what, got, want)
	}
}
