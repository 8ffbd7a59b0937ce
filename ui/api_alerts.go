package ui

import (
	"errors"

	"github.com/danielgtaylor/huma/v2"
)

// AlertInfo is one alert: a rule and the scope in which it was met.
type AlertInfo struct {
	ID           string `json:"id"`
	Rule         string `json:"rule"`
	Severity     string `json:"severity" enum:"note,warning,critical"`
	Scope        string `json:"scope"`
	Text         string `json:"text"`
	First        int64  `json:"first"`
	Last         int64  `json:"last"`
	FirstTime    string `json:"first_time"`
	LastTime     string `json:"last_time"`
	Count        int64  `json:"count" doc:"how often the rule held, see counts"`
	Counts       string `json:"counts" enum:"steps,member-steps,events" doc:"what count counts: the steps in which the rule held; member-steps, for load.unserved and storage.empty: each home, vehicle or battery of the community for which it held, in each step; or events"`
	Active       bool   `json:"active"`
	Acknowledged bool   `json:"acknowledged"`
}

func (r *run) alertInfo(a *alert) AlertInfo {
	return AlertInfo{a.ID, a.Rule.Rule, a.Rule.Severity, a.Scope, a.Rule.Text, int64(a.First), int64(a.Last), r.time(a.First), r.time(a.Last),
		a.Count, a.Rule.Counts, a.Active, a.acknowledged}
}

type alertList struct {
	Revision uint64      `json:"revision"`
	Alerts   []AlertInfo `json:"alerts"`
}

type alertsQuery struct {
	RunQuery
	Active       string `query:"active" enum:"true,false"`
	Acknowledged string `query:"acknowledged" enum:"true,false"`
	Limit        int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	Tick         int64  `query:"tick" minimum:"-1" default:"-1" doc:"the alerts as they were after this step; -1: the latest"`
}

func (r *run) alertList(q *alertsQuery) (*alertList, error) {
	rows, revision := r.alerts.since(0)
	if q.Tick >= 0 || r.replay {
		step, _, err := r.stepAt(q.Tick, false)
		if err != nil {
			return nil, err
		}
		if rows, err = r.alertsAfter(step); err != nil {
			return nil, err
		}
	}
	list := &alertList{Revision: revision, Alerts: []AlertInfo{}}
	for i := range rows {
		a := &rows[i]
		if q.Active != "" && a.Active != (q.Active == "true") || q.Acknowledged != "" && a.acknowledged != (q.Acknowledged == "true") {
			continue
		}
		if len(list.Alerts) < q.Limit {
			list.Alerts = append(list.Alerts, r.alertInfo(a))
		}
	}
	return list, nil
}

type acknowledgeBody struct {
	RunQuery
	Body struct {
		ID string `json:"id" maxLength:"600"`
	}
}

func (s *Server) alertRoutes(a *api) {
	get(a, "/alerts", Watch, "Alerts, a row for each cause", of(s, func(q *alertsQuery) RunQuery { return q.RunQuery }, (*run).alertList))
	post(a, "/alerts/acknowledge", Control, "Acknowledge an alert", 200, of(s, func(q *acknowledgeBody) RunQuery { return q.RunQuery },
		func(r *run, q *acknowledgeBody) (AlertInfo, error) {
			a, err := r.acknowledge(q.Body.ID)
			switch {
			case errors.Is(err, errReplay):
				return AlertInfo{}, huma.Error409Conflict(err.Error())
			case errors.As(err, new(*NotKeptError)):
				return AlertInfo{}, notKept(err)
			case err != nil:
				return AlertInfo{}, huma.Error404NotFound(err.Error())
			}
			r.hub.Wake()
			return r.alertInfo(&a), nil
		}))
}
