"""Common given names, without accents, of the languages in which inventories are kept.

A list cannot be complete, so it only supports what headings and shapes say. Names that are words, cities, or products
as well (Mark, Florence, Ruby) are left out.
"""

from __future__ import annotations

from workflows.asset_discovery.personal.words import word_set

GIVEN_NAMES = word_set(
    """
    aaron abdul abigail adam adele adrian agata agnes agnieszka ahmed aiko aisha akira alain alan alastair albert
    alberto alejandro aleksander alessandra alessandro alexander alexandra alexandre alexei alfred alice alicia
    alison allan amalia amanda amara amelia amelie amina ana anders andre andrea andreas andrei andrew andrzej
    angela angelika angus anika anita anja anke ann anna anne annette annika anthony anton antonia antonio antti
    arjun arne arnold arthur astrid aude augusto aurelie axel aziz barbara bartosz beata beatrice beatriz ben
    benedikt benjamin benoit bernard bernd bernhard bert bettina birgit bjorn bogdan boris brenda brian bridget
    brigitte bruno camila camille carina carla carlo carlos carmen carol carolina caroline catherine cecile cecilia
    celia celine chantal charles charlotte chloe christa christian christiane christina christine christoph
    christophe christopher claire clara claudia claudio clemens colin connor corinna corinne cornelia craig
    cristina cynthia dagmar dagny damian damien daniel daniela daniele danielle dariusz darren dave david deborah
    declan delphine denis denise derek desire detlef diana diego dieter dietmar dimitri dirk dmitri dominik
    dominique donald doreen dorian doris dorota dorothea douglas duncan dylan eberhard edith eduardo edward edwin
    eileen ekaterina elaine eleanor elena elias elif elin elisa elisabeth elise elizabeth elke ella ellen eloise
    elsa elspeth emil emilia emilie emily emma emmanuel enrico enrique eric erica erich erik erika erin ernst erwin
    esther etienne eugen eva evelyn ewa fabian fabien fabio fabrice farid fatima federico felipe felix fernanda
    fernando filip fiona francesca francesco francis francisco francois francoise franz franziska frederic
    frederick frederik friedrich fritz gabriel gabriela gabriele gael gaelle gareth gemma genevieve geoffrey georg
    george georges gerald gerard gerd gerhard gertrud giacomo gianluca gianni gilles gillian giorgio giovanni
    gisela giulia giuseppe gordon graham grazyna gregor gregory greta gudrun guido guillaume gunnar gunter gunther
    gustav guy hamish hanna hannah hanne hannelore hans harald harold harry hassan heather hedwig heidi heike heiko
    heinrich heinz helen helena helene helga helmut hendrik henri henrik henry herbert hermann hilary hilde hiroshi
    holger horst howard hubert hugh hugo hugues ian ibrahim igor ilona ilse imke inga inge ingeborg ingo ingrid
    irena irene irina irmgard isabel isabella isabelle ivan ivana iwona jacob jacqueline jacques jaime jakob jakub
    james jan jana jane janet janina janine janusz jaroslav javier jean jeanette jeanne jeffrey jennifer jens
    jeremy jerome jerzy jessica jill jim joachim joan joanna joanne joao joaquin jochen joel joelle johan johann
    johanna johannes john jonas jonathan jorg jorge jose josef joseph josephine joshua juan judith julia julian
    juliana julie julien jurgen justyna jutta kai kamil kaori karel karen karin karl karla karol karsten katarina
    katarzyna kate katharina kathe katherine kathleen kathrin katia katja katrin keith kenji kenneth kerstin kevin
    kezia khalid kirsten klaus knut konrad krystyna krzysztof kurt lars laszlo laura laurence laurent lea leif lena
    leon leonard leonardo leonie leszek lidia lieselotte liliana linda lisa lorcan lorenzo lothar louis louise luc
    luca lucas lucia lucie lucy ludwig luigi luis luisa lukas lukasz lutz lydia maciej maelys magdalena magnus maja
    malcolm malgorzata manfred manuel manuela marc marcel marcin marco marcos marcus marek margaret margarita
    margit margot maria mariana marianne marie marina mario marion marit marjolein markus marlene marta martha
    martin martina mateusz mathias mathieu mathilde matteo matthew matthias matthieu maud maurice maurizio mauro
    maximilian mehmet melanie melissa mercedes michael michal michel michele michelle miguel mikael mike mikhail
    mirjam mohamed mohammed monika monique moritz mustafa myriam nadia nadine natalia natalie natasha nathalie
    nathan neil nicola nicolas nicole nigel niklas nikolai nikolaus nils nina noah nora norbert norman olaf ole
    oleg olga oliver olivia olivier oona oscar oskar otto pablo paola paolo pascal patricia patrick patrik paul
    paula paulina paulo pavel pedro per peter petr petra philip philipp philippe pierre piers pietro piotr priya
    rachel rafael rafal raimund rainer ralf ramon raquel raymond rebecca regina regine reinhard reinhold renate
    renaud rene ricardo riccardo richard rita robert roberta roberto rodrigo roger roland rolf romain roman ronald
    rosa rosalie rosemarie rudolf rupert ruth ryan sabine sabrina sakura salvatore samantha samira samuel sandra
    sandrine sara sarah sascha scott sean sebastian sebastien sergei sergio sharon sheila sigrid silke silvia simon
    simona simone siobhan sofie solange sonia sonja sophia sophie stefan stefania stefanie stefano stephan stephane
    stephanie stephen steven stuart susan susanne suzanne sven svetlana swantje sylvain sylvia sylvie takeshi
    tamara tanja tatjana teresa theo theodor theresa therese thierry thomas thorsten tilo tim timo timothy tobias
    tom tomas tomasz toni tore torsten tristan udo ulf ulla ulrich ulrike ursula ute uwe valentin valentina valerie
    vanessa vera veronica veronika viktor vincent vincenzo virginie viviane vladimir volker waldemar walter
    waltraud wanda werner wiebke wilfried wilhelm william wojciech wolfgang xavier yannick yasmin yolanda yoshiko
    yuki yuri yusuf yves yvette yvonne zbigniew zdenek zoe zofia zuzana
    """
)
