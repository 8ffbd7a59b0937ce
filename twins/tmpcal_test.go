package twins_test

import ("testing";"fmt";"slices";"compress/gzip";"os";"encoding/csv";"strconv")
func qn(x []float64,p float64)float64{y:=slices.Clone(x);slices.Sort(y);return y[int(p*float64(len(y)-1)+.5)]}
func pr(n string,x []float64){fmt.Printf("%-22s mean %.3f sd %.3f q5 %.3f q25 %.3f q50 %.3f q75 %.3f q95 %.3f max %.3f\n",n,meanOf(x),deviation(x),qn(x,.05),qn(x,.25),qn(x,.5),qn(x,.75),qn(x,.95),qn(x,1))}
func TestCal(t *testing.T){
 const N=1026
 s:=newStreet(t,7,N,1800,usual)
 var e,ev,co57,pk,own,ev57,all []float64; var mon [12]float64;var mc [12]float64
 per:=make([]float64,N);yp:=make([]float64,N);var parts [5]float64;_=parts
 var prof [2][24]float64; var pc [2]float64
 grp:=map[int][]float64{}
 cnt:=0.;var od []float64
 for d:=0;d<365;d+=1{kW:=s.day(d);f:=figures(kW);e=append(e,f.energy);ev=append(ev,f.evening)
  m:=(d*12)/365;mon[m]+=f.energy;mc[m]++;cnt++
  w:=0;if (1+d)%7==0||(1+d)%7==6{w=1};pc[w]++
  for i,h:=range kW{for k,p:=range h{per[i]+=p/2;yp[i]=max(yp[i],p);prof[w][k/2]+=p/2/N;if d%10==0{all=append(all,p)}}}
  for g:=0;g+57<=N;g+=57{x:=figures(kW[g:g+57]);co57=append(co57,x.coincidence());pk=append(pk,x.peak);own=append(own,x.own);ev57=append(ev57,x.evening)}
  if d%7==0 {for _,h:=range kW{od=append(od,slices.Max(h))};for _,n:=range []int{5,10,20,40,1000}{for g:=0;g+n<=N;g+=n{grp[n]=append(grp[n],figures(kW[g:g+n]).coincidence())}}}}
 for i:=range per{per[i]/=cnt}
 pr("kWh",e);pr("evening 1000 .74",ev);pr("evening57",ev57);pr("coinc57 .287",co57);pr("peak57 .771",pk);pr("own 2.67",own);pr("own days 1.5 .31 1.45 2.6 3.86 5.17",od);pr("per home sd5.19",per);pr("year peak 6.0",yp);pr("all",all)
 for _,th:=range []float64{.5,1,1.5,2,2.5,3,4,5}{k:=0;for _,y:=range all{if y>th{k++}};fmt.Printf(">%.1f: %.4f  ",th,float64(k)/float64(len(all)))};fmt.Println(" want .219 .130 .076 .0455 .0301 .0202 .0082 .002")
 for _,n:=range []int{5,10,20,40,1000}{fmt.Printf("coinc %d %.3f  ",n,meanOf(grp[n]))};fmt.Println(" want .52 .41 .35 .30")
 for m:=range mon{fmt.Printf("%.2f ",mon[m]/mc[m])};fmt.Println("  want 13.6 12.0 9.5 9.0 9.6 9.3 9.6 9.3 9.2 10.1 11.6 13.3")
 want:=[2]string{"0.30 0.25 0.23 0.22 0.23 0.28 0.39 0.53 0.56 0.49 0.46 0.44 0.44 0.41 0.40 0.42 0.47 0.55 0.62 0.64 0.61 0.55 0.46 0.37","0.33 0.28 0.25 0.24 0.24 0.27 0.33 0.45 0.55 0.58 0.58 0.56 0.53 0.52 0.50 0.50 0.53 0.56 0.61 0.62 0.58 0.52 0.45 0.38"}
 for w:=range prof{for h:=range 24{fmt.Printf("%.2f ",prof[w][h]/pc[w])};fmt.Println();fmt.Println(want[w])}
}
func TestCalStreet(t *testing.T){
 h,_:=os.Open("../sim/scenarios/street/load_profiles_1min.csv.gz");z,_:=gzip.NewReader(h);r:=csv.NewReader(z);a,_:=r.ReadAll()
 kW:=make([][]float64,55);for c:=range kW{for _,row:=range a[1:]{v,_:=strconv.ParseFloat(row[len(row)-55+c],64);kW[c]=append(kW[c],v)}}
 half:=func(x [][]float64)[][]float64{o:=make([][]float64,len(x));for i:=range x{for k:=0;k<1440;k+=30{o[i]=append(o[i],meanOf(x[i][k:k+30]))}};return o}
 f:=figures(kW);g:=figures(half(kW));fmt.Println("recorded",f,f.coincidence(),g,g.coincidence())
 var e,ev1,ev30,co1,own1,pk1,co30,own30 []float64
 for k:=range 200{s:=newStreet(t,uint64(1000+k),55,60,usual);x:=s.day(int(twins_draw(k)%365));f:=figures(x);g:=figures(half(x))
  e=append(e,f.energy);ev1=append(ev1,f.evening);ev30=append(ev30,g.evening);co1=append(co1,f.coincidence());own1=append(own1,f.own);pk1=append(pk1,f.peak);co30=append(co30,g.coincidence());own30=append(own30,g.own)}
 pr("e 8.80",e);pr("ev1 .838",ev1);pr("ev30 .725",ev30);pr("co1 .174",co1);pr("own1 5.99",own1);pr("pk1 1.043",pk1);pr("co30 .356",co30);pr("own30 2.04",own30)
}
func twins_draw(k int) uint64 { return uint64(k)*7919+13 }
