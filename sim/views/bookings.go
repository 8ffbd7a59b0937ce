package views

import (
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/twins"
)

// Bookings folds the decisions of a run into the reward of each member: for each
// reason the energy that was shifted, unserved and curtailed, and the reward for it.
//
// Energies are exact to the millijoule. A reward is computed from the whole energy so
// far and rounded down to micro-euro once, so that fractions of a micro-euro add up
// over steps.
type Bookings struct {
	// Rates are the prices that a member is paid. The zero Rates pay nothing.
	Rates scenario.Rates
	rows  map[bookingKey]*[numBookings]twins.Energy
}

// The quantities that are booked.
const (
	bookedShifted = iota
	bookedUnserved
	bookedCurtailed
	numBookings
)

var bookingNames = [numBookings]string{"shifted", "unserved", "curtailed"}

type bookingKey struct {
	member string
	reason twins.Reason
}

// Commit implements sim.Sink.
func (b *Bookings) Commit(r *sim.StepRecord) error {
	for _, c := range r.Cells {
		for i := range c.Notes {
			d := &c.Notes[i]
			if d.Shifted|d.Unserved|d.Curtailed == 0 {
				continue
			}
			row := b.row(bookingKey{d.Member, d.Reason})
			for k, p := range [numBookings]twins.Power{d.Shifted, d.Unserved, d.Curtailed} {
				row[k] += p.For(r.Step)
			}
		}
	}
	return nil
}

func (b *Bookings) row(k bookingKey) *[numBookings]twins.Energy {
	if b.rows == nil {
		b.rows = map[bookingKey]*[numBookings]twins.Energy{}
	}
	if b.rows[k] == nil {
		b.rows[k] = new([numBookings]twins.Energy)
	}
	return b.rows[k]
}

// Booking is one quantity of one member for one reason, with its reward.
type Booking struct {
	Member string
	Reason twins.Reason
	What   string // shifted, unserved, curtailed
	Energy twins.Energy
	Reward int64 // micro-euro
}

// All lists the bookings by member, reason and quantity. Bookings of 0 are left out.
func (b *Bookings) All() []Booking {
	rates := [numBookings]twins.Price{b.Rates.Shifted, b.Rates.Unserved, b.Rates.Curtailed}
	var all []Booking
	for k, row := range b.rows {
		for what, e := range row {
			if e != 0 {
				reward, _ := twins.MulDiv(int64(e), int64(rates[what]), int64(twins.MegawattHour))
				all = append(all, Booking{k.member, k.reason, bookingNames[what], e, reward})
			}
		}
	}
	order := func(x Booking) int { return slices.Index(bookingNames[:], x.What) }
	slices.SortFunc(all, func(x, y Booking) int {
		return cmp.Or(cmp.Compare(x.Member, y.Member), cmp.Compare(x.Reason, y.Reason), cmp.Compare(order(x), order(y)))
	})
	return all
}

// Report returns the sums of the rewards.
func (b *Bookings) Report() RewardReport {
	var sums [numBookings]int64
	for _, x := range b.All() {
		sums[slices.Index(bookingNames[:], x.What)] += x.Reward
	}
	euro := func(k int) float64 { return float64(sums[k]) / 1e6 }
	return RewardReport{Shifted: euro(bookedShifted), Unserved: euro(bookedUnserved), Curtailed: euro(bookedCurtailed)}
}

// BookingColumns are the columns of the table of bookings.
func BookingColumns() []string {
	return []string{"member", "reason", "booked", "energy_kwh", "reward_eur"}
}

// WriteCSV writes the bookings as a table. Rewards are exact; energies are rounded
// to 10⁻¹⁰ kWh, less than a millijoule.
func (b *Bookings) WriteCSV(to io.Writer) error {
	w := csv.NewWriter(to)
	err := w.Write(BookingColumns())
	for _, x := range b.All() {
		if err != nil {
			break
		}
		kWh := strconv.FormatFloat(x.Energy.WattHours()/1000, 'f', 10, 64)
		err = w.Write([]string{x.Member, x.Reason.String(), x.What, kWh, string(twins.AppendScaled(nil, x.Reward, 6))})
	}
	w.Flush()
	return cmp.Or(err, w.Error())
}
