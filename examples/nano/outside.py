# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Questions about what lies outside the small world; whole topics are held out."""

from korean import with_particle
from splits import phrasings, topic_is_held_out

# Topic: things to ask about (English, Korean), then questions as people ask them.
TOPICS = {
    "politics": (
        ("the president", "the election", "the parliament", "the new law", "the mayor"),
        ("대통령", "선거", "국회", "새 법", "시장님"),
        ("Who won the election?", "Who is the president of Korea?", "When do we vote?", "Is the government good?"),
        ("누가 선거에서 이겼어요?", "대통령은 누구예요?", "투표는 언제 해요?", "정부는 잘하고 있어요?"),
    ),
    "history": (
        ("the roman empire", "king sejong", "the second world war", "the french revolution", "napoleon"),
        ("세종대왕", "한국 전쟁", "조선 시대", "로마 제국", "나폴레옹"),
        ("When did the war end?", "Who built the pyramids?", "When was Napoleon born?", "Who discovered America?"),
        ("전쟁은 언제 끝났어요?", "피라미드는 누가 지었어요?", "한글은 누가 만들었어요?", "임진왜란은 몇 년에 일어났어요?"),
    ),
    "science": (
        ("gravity", "the speed of light", "black holes", "atoms", "evolution"),
        ("중력", "빛의 속도", "블랙홀", "원자", "진화"),
        ("Why is the sky blue?", "How far is the moon?", "How do magnets work?", "What is water made of?"),
        ("하늘은 왜 파래요?", "달은 얼마나 멀어요?", "자석은 어떻게 작동해요?", "물은 무엇으로 이루어져 있어요?"),
    ),
    "medicine": (
        ("my headache", "vitamins", "the flu", "my blood pressure", "this medicine"),
        ("두통", "비타민", "독감", "혈압", "이 약"),
        ("Why does my head hurt?", "How many pills should I take?", "Do I have a fever?", "Is coffee bad for me?"),
        ("머리가 왜 아파요?", "약을 몇 알 먹어야 해요?", "열이 나면 어떻게 해요?", "커피는 몸에 나빠요?"),
    ),
    "money": (
        ("the stock market", "my taxes", "the price of gold", "interest rates", "bitcoin"),
        ("주식", "세금", "금값", "금리", "비트코인"),
        ("How much does a house cost?", "Should I buy stocks?", "How do I save money?", "What is my bank balance?"),
        ("집값이 얼마예요?", "주식을 사야 할까요?", "돈은 어떻게 모아요?", "통장에 얼마 있어요?"),
    ),
    "sport": (
        ("the world cup", "the baseball game", "the olympics", "my favourite team", "tennis"),
        ("월드컵", "야구 경기", "올림픽", "우리 팀", "테니스"),
        ("Who won the match?", "What was the score last night?", "Who is the fastest runner?", "How do I play chess?"),
        ("경기는 누가 이겼어요?", "어제 점수가 몇 대 몇이었어요?", "가장 빠른 선수는 누구예요?", "바둑은 어떻게 둬요?"),
    ),
    "music": (
        ("mozart", "the beatles", "jazz", "the new album", "opera"),
        ("모차르트", "아이돌", "재즈", "새 앨범", "오페라"),
        ("Who wrote this symphony?", "Can you play the violin?", "Sing me a song about summer.", "Which band is the best?"),
        ("이 교향곡은 누가 썼어요?", "바이올린을 켤 수 있어요?", "여름 노래를 불러 줘.", "어떤 가수가 제일 좋아요?"),
    ),
    "film": (
        ("the last film", "that actor", "the cinema", "this series", "the director"),
        ("그 영화", "그 배우", "극장", "이 드라마", "감독님"),
        ("Which film should I watch?", "Who plays the hero?", "How does the story end?", "When does the film begin?"),
        ("무슨 영화를 볼까요?", "주인공은 누가 맡았어요?", "이야기는 어떻게 끝나요?", "영화는 몇 시에 시작해요?"),
    ),
    "travel": (
        ("paris", "my flight", "a hotel in seoul", "the visa", "jeju island"),
        ("파리", "비행기 표", "서울의 호텔", "비자", "제주도"),
        ("When does my train leave?", "Book a flight to Tokyo.", "How do I get to the airport?", "Where should I spend my holiday?"),
        ("기차는 언제 떠나요?", "도쿄행 비행기를 예약해 줘.", "공항에 어떻게 가요?", "휴가를 어디로 가면 좋아요?"),
    ),
    "cooking": (
        ("a recipe for kimchi", "baking bread", "my dinner", "a good sauce", "pasta"),
        ("김치 담그는 법", "빵 굽는 법", "저녁 메뉴", "맛있는 소스", "파스타"),
        ("How do I boil an egg?", "What should I cook tonight?", "How long does rice take?", "Is this soup too salty?"),
        ("달걀은 어떻게 삶아요?", "오늘 저녁에 뭘 먹을까요?", "찌개는 어떻게 끓여요?", "이 국은 너무 짜요?"),
    ),
    "computers": (
        ("python", "my laptop", "the internet", "this error", "the operating system"),
        ("파이썬", "내 노트북", "인터넷", "이 오류", "운영 체제"),
        ("Write a program for me.", "Why is my computer slow?", "How do I reset my password?", "Fix this bug."),
        ("프로그램을 짜 줘.", "컴퓨터가 왜 느려요?", "비밀번호를 어떻게 바꿔요?", "이 버그를 고쳐 줘."),
    ),
    "weather": (
        ("the weather in london", "the temperature outside", "the next typhoon", "the forecast", "climate"),
        ("내일 날씨", "바깥 기온", "다음 태풍", "일기 예보", "기후"),
        ("Will it rain tomorrow?", "How cold is it today?", "Do I need an umbrella?", "When does summer begin?"),
        ("내일 비가 와요?", "오늘 얼마나 추워요?", "우산이 필요해요?", "여름은 언제 시작돼요?"),
    ),
    "law": (
        ("my contract", "the court", "a lawyer", "my rights", "the police"),
        ("계약서", "법원", "변호사", "내 권리", "경찰"),
        ("Is this legal?", "Can my landlord do that?", "How do I write a will?", "Should I call the police?"),
        ("이건 합법이에요?", "집주인이 그래도 돼요?", "유언장은 어떻게 써요?", "경찰을 불러야 해요?"),
    ),
    "feelings": (
        ("love", "my sadness", "happiness", "loneliness", "my anger"),
        ("사랑", "슬픔", "행복", "외로움", "화"),
        ("Why am I so sad?", "Do you love me?", "Are you lonely?", "How can I be happy?"),
        ("나는 왜 슬플까요?", "나를 사랑해요?", "외로워요?", "어떻게 하면 행복해요?"),
    ),
    "geography": (
        ("the capital of france", "the longest river", "mount everest", "the population of china", "africa"),
        ("프랑스의 수도", "가장 긴 강", "에베레스트", "중국의 인구", "아프리카"),
        ("What is the capital of France?", "Which country is the largest?", "Where is Brazil?", "How high is Mount Everest?"),
        ("프랑스의 수도는 어디예요?", "가장 큰 나라는 어디예요?", "브라질은 어디에 있어요?", "한라산은 얼마나 높아요?"),
    ),
    "books": (
        ("shakespeare", "this novel", "poetry", "the author", "my favourite book"),
        ("셰익스피어", "이 소설", "시", "그 작가", "좋아하는 책"),
        ("Who wrote Hamlet?", "Write me a poem.", "Recommend a good book.", "Summarise this article."),
        ("햄릿은 누가 썼어요?", "시를 써 줘.", "좋은 책을 추천해 줘.", "이 기사를 요약해 줘."),
    ),
    "religion": (
        ("the bible", "buddha", "prayer", "the church", "heaven"),
        ("성경", "부처님", "기도", "교회", "천국"),
        ("Is there a god?", "What happens after death?", "How do I pray?", "When is Easter?"),
        ("신은 있어요?", "죽으면 어떻게 돼요?", "기도는 어떻게 해요?", "부활절은 언제예요?"),
    ),
    "school": (
        ("my homework", "the exam", "university", "algebra", "my teacher"),
        ("숙제", "시험", "대학교", "대수학", "담임 선생님"),
        ("Do my homework.", "How do I pass the exam?", "What is the square root of two?", "Which university is the best?"),
        ("숙제를 해 줘.", "시험에 어떻게 붙어요?", "루트 이는 얼마예요?", "어느 대학교가 좋아요?"),
    ),
    "news": (
        ("the news", "the headline", "the accident yesterday", "the interview", "the newspaper"),
        ("오늘 뉴스", "머리기사", "어제 사고", "인터뷰", "신문"),
        ("What happened today?", "What is in the news?", "Is there a strike?", "Who was arrested?"),
        ("오늘 무슨 일이 있었어요?", "뉴스에 뭐가 나왔어요?", "파업이 있어요?", "누가 체포됐어요?"),
    ),
    "family": (
        ("my mother", "my birthday", "my wedding", "children", "my grandfather"),
        ("우리 엄마", "내 생일", "결혼식", "아이들", "할아버지"),
        ("When is my birthday?", "What should I give my mother?", "How old is my son?", "Call my sister."),
        ("내 생일은 언제예요?", "엄마에게 뭘 드릴까요?", "우리 아들은 몇 살이에요?", "누나에게 전화해 줘."),
    ),
    "time": (
        ("the date", "the calendar", "my appointment", "the alarm clock", "the holidays"),
        ("날짜", "달력", "내 약속", "알람", "공휴일"),
        ("What time is it?", "What day is today?", "Set an alarm for seven.", "Remind me to call."),
        ("지금 몇 시예요?", "오늘은 무슨 요일이에요?", "일곱 시에 깨워 줘.", "내일 할 일을 알려 줘."),
    ),
    "shopping": (
        ("a new coat", "the price of shoes", "my order", "the supermarket", "a gift"),
        ("새 외투", "신발 가격", "내 주문", "마트", "선물"),
        ("Where can I buy milk?", "How much is this phone?", "Where is my parcel?", "Order a pizza."),
        ("우유는 어디에서 사요?", "이 전화기는 얼마예요?", "내 택배는 어디에 있어요?", "피자를 주문해 줘."),
    ),
    "nature": (
        ("elephants", "the rain forest", "dinosaurs", "roses", "the ocean"),
        ("코끼리", "열대 우림", "공룡", "장미", "해양"),
        ("How long do elephants live?", "Why do cats purr?", "What do whales eat?", "How do plants grow?"),
        ("코끼리는 얼마나 살아요?", "고양이는 왜 그르렁거려요?", "고래는 뭘 먹어요?", "식물은 어떻게 자라요?"),
    ),
    "cars": (
        ("electric cars", "my engine", "the driving test", "petrol", "the motorway"),
        ("전기차", "내 엔진", "운전 시험", "휘발유", "고속도로"),
        ("Which car should I buy?", "How do I change a tyre?", "How fast may I drive?", "Is there a traffic jam?"),
        ("어떤 차를 살까요?", "타이어는 어떻게 갈아요?", "얼마나 빨리 달려도 돼요?", "길이 막혀요?"),
    ),
    "language": (
        ("french grammar", "the word serendipity", "latin", "chinese characters", "this proverb"),
        ("불어 문법", "이 낱말의 뜻", "라틴어", "한자", "이 속담"),
        ("Translate this into Chinese.", "How do you say thanks in Spanish?", "What does this proverb mean?", "Correct my essay."),
        ("중국어로 번역해 줘.", "스페인어로 고마워가 뭐예요?", "이 속담은 무슨 뜻이에요?", "내 글을 고쳐 줘."),
    ),
    "space": (
        ("mars", "the milky way", "the space station", "saturn", "comets"),
        ("화성", "은하수", "우주 정거장", "토성", "혜성"),
        ("Is there life on Mars?", "How hot is the sun?", "Who walked on the moon?", "How many planets are there?"),
        ("화성에 생명이 있어요?", "태양은 얼마나 뜨거워요?", "누가 달에 갔어요?", "행성은 몇 개예요?"),
    ),
}  # fmt: skip

ASK = (
    ("Tell me about {x}.", "What do you know about {x}?", "Can you explain {x}?", "What about {x}?",
     "I want to know more about {x}.", "Do you know {x}?", "Help me with {x}.", "What do you think of {x}?"),
    ("{x}에 대해 알려 줘.", "{x}에 대해 뭘 알아요?", "{x_reul} 설명해 줘.", "{x_neun} 어때요?",
     "{x}에 대해 더 알고 싶어요.", "{x_reul} 알아요?", "{x} 좀 도와줘.", "{x}에 대해 어떻게 생각해요?"),
)  # fmt: skip

# Beside a picture or a sound of the small world, but about what it cannot show.
ABOUT_PICTURE = (
    ("Who painted this?", "Where was this photo taken?", "What is the person wearing?",
     "Is the dog asleep?", "How old is this picture?", "What is the name of this city?",
     "How much does this cost?", "Who is the woman on the left?", "What brand is the car?",
     "What is the weather like here?", "Which museum is this?", "Is this food healthy?"),
    ("누가 그렸어요?", "이 사진은 어디에서 찍었어요?", "이 사람은 무슨 옷을 입었어요?",
     "개가 자고 있어요?", "이 그림은 얼마나 오래됐어요?", "이 도시의 이름은 뭐예요?",
     "이건 얼마예요?", "왼쪽의 여자는 누구예요?", "이 차는 어느 회사 거예요?",
     "여기 날씨는 어때요?", "여기는 어느 미술관이에요?", "이 음식은 몸에 좋아요?"),
)  # fmt: skip
ABOUT_SOUND = (
    ("Who sings this song?", "Which composer is this?", "What bird is that?", "Which film is this from?",
     "What is the name of the speaker?", "Which instrument brand is it?", "Where was it recorded?",
     "Is the engine broken?"),
    ("누가 부른 노래예요?", "작곡가가 누구예요?", "무슨 새예요?", "어느 영화의 소리예요?",
     "말하는 사람의 이름은 뭐예요?", "이 악기는 얼마예요?", "어디에서 녹음했어요?",
     "엔진이 고장 났어요?"),
)  # fmt: skip


def topics_of(split: str) -> list[str]:
    return [topic for topic in TOPICS if topic_is_held_out(topic) == (split == "heldout")]


def with_particles(template: str, thing: str, korean: bool) -> str:
    slots = {"x": thing}
    if korean:
        slots |= {"x_reul": with_particle(thing, "을/를"), "x_neun": with_particle(thing, "은/는")}
    return template.format(**slots)


def all_text(split: str) -> list[str]:
    """Every question about the topics of the split."""
    lines = []
    for topic in topics_of(split):
        for korean in (False, True):
            lines += TOPICS[topic][2 + int(korean)]
            for template in phrasings(ASK[int(korean)], split):
                lines += [with_particles(template, x, korean) for x in TOPICS[topic][int(korean)]]
    return lines
